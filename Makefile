# The README's commands.

demo: ## everything on this machine: the app and a simulated Bitrix24
	go run ./app demo

test: ## all there is to check; installs PostgreSQL and Chromium where missing
	bash .ci/test.sh

lint: ## the part of test that runs nothing
	bash .ci/lint.sh

bench: ## benchmarks, with a PostgreSQL of their own
	bash .ci/with-postgres.sh go test -run '^$$' -bench . -benchmem ./...

bench-ingest: ## events taken per second beside plain inserts, and how soon a portal is asked, on a PostgreSQL that keeps what it commits
	CALLWISE_DURABLE=1 bash .ci/with-postgres.sh go test ./app -run '^$$' -bench 'EventToPortal' -benchtime 200x
	CALLWISE_DURABLE=1 bash .ci/with-postgres.sh go test ./app -run '^$$' -bench 'Ingest|EventsToPortals' -benchtime 1x -timeout 60m

soak: ## half an hour of a busy hour while things are killed (SOAK=5m SOAK_RATE=60 SOAK_PORTALS=1000 SOAK_KILLS=0 make soak)
	SOAK=$${SOAK:-30m} bash .ci/with-postgres.sh go test ./app -run '^TestSoak$$' -v -timeout 6h

fuzz: ## every fuzz target, 15 s each (FUZZTIME=1m make fuzz)
	bash .ci/fuzz.sh

generate: ## Go from the templ files, after a change to them
	go tool templ fmt .
	go tool templ generate -include-version=false

supply: ## the build twice, bit for bit the same, and what is known to be vulnerable
	bash .ci/reproducible.sh
	bash .ci/vulnerabilities.sh

sbom: ## callwise.cdx.json: what the program is made of (CycloneDX)
	go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 app -json -licenses -noserial -main app -output callwise.cdx.json .

help: ## this list
	@sed -n 's/^\([a-z-]*\): ## /\1\t/p' Makefile

.PHONY: demo test lint bench bench-ingest soak fuzz generate supply sbom help
