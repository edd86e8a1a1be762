# The production image: one static binary that runs as nobody in particular and
# writes nowhere but to /data, and there only with SQLite.
#
#   docker build -t callwise .
#   docker run --read-only -p 8080:8080 -v callwise:/data --env-file callwise.env callwise

FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/callwise ./app && mkdir /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/callwise /callwise
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
# The default database, sqlite:callwise.db, and SQLite's temporary files stand here.
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/callwise", "healthcheck"]
ENTRYPOINT ["/callwise"]
CMD ["serve"]
