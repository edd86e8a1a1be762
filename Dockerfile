# The production image: one static binary that runs as nobody in particular and
# writes nowhere but to /data, and there only with SQLite.
#
#   docker build -t callwise --build-arg VERSION=v1.2.3 .
#   docker run --read-only --stop-timeout 45 -p 8080:8080 -v callwise:/data --env-file callwise.env callwise
#
# With buildah or podman add --format docker, or there is no health check.

# Pinned by version; where the registry is at hand, pin it by digest as well:
# docker buildx imagetools inspect golang:1.26.8
FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/callwise ./app && mkdir /out/data
# What the program is made of (CycloneDX), and the licences of those parts. The tool
# asks git for the version.
ARG VERSION=v0.0.0
RUN git init -q && git -c user.name=callwise -c user.email=callwise@localhost commit -q --allow-empty -m "$VERSION" && git tag "$VERSION" && \
    go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 app -json -licenses -noserial -notimestamp -main app -output /out/callwise.cdx.json .
RUN go list -deps -f '{{with .Module}}{{if not .Main}}{{.Dir}} {{.Path}}@{{.Version}}{{end}}{{end}}' ./app | sort -u | while read -r dir module; do \
        mkdir -p "/out/licences/$module" && find "$dir" -maxdepth 1 -type f \( -iname 'LICEN[CS]E*' -o -iname 'COPYING*' -o -iname 'NOTICE*' \) -exec cp {} "/out/licences/$module/" \; ; \
    done && cp -r static/vendor/*/ /out/licences/ && cp "$(go env GOROOT)/LICENSE" /out/licences/LICENSE.go

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/callwise /callwise
COPY --from=build /out/callwise.cdx.json /callwise.cdx.json
COPY --from=build /out/licences /licences
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
# The default database, sqlite:callwise.db, and SQLite's temporary files stand here.
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/callwise", "healthcheck"]
ENTRYPOINT ["/callwise"]
CMD ["serve"]
