# make build     the programs, into bin/
# make release   one program that carries its agents, dist/fairlead
# make test      everything: the pure tests, then the real parts in a lab
# make check     what needs no lab: format, vet, staticcheck, vulnerabilities, races, and how large the code is
# make mutants   breaks the code in one place at a time and wants the simulator to find it: MUTANTS=3 for a sample
# make demo      a story of five releases, told in a lab of its own
# make lab       a lab to use by hand; prints its environment. make lab-down ends it
# make bench     a whole release against the literal runbook, side by side, in a lab
# make oracle    the claims of the reviewer against another PostgreSQL: VERSION=13 to 18, or all
# make changelog CHANGELOG.md from the files in changes/
# make postgres  the faults of an apply, and resuming, on another PostgreSQL: VERSION=13 to 18, or all
.PHONY: build release test check mutants demo lab lab-down bench oracle postgres changelog install agents bin/lab

AGENT = CGO_ENABLED=0 go build -trimpath -ldflags="-s -w"

agents:
	GOOS=linux GOARCH=amd64 $(AGENT) -o bin/fairlead-agent-linux-amd64 ./cmd/fairlead-agent
	GOOS=linux GOARCH=arm64 $(AGENT) -o bin/fairlead-agent-linux-arm64 ./cmd/fairlead-agent

build: agents
	go build -trimpath -o bin/ ./cmd/fairlead ./internal/lab/cmd/...

release: agents
	mkdir -p internal/host/agents && cp bin/fairlead-agent-linux-* internal/host/agents/
	go build -trimpath -tags embed_agent -ldflags="-s -w" -o dist/fairlead ./cmd/fairlead

install:
	@scripts/install.sh

test: install
	@scripts/test.sh

check:
	@scripts/check.sh

mutants:
	go test -count=1 -timeout 60m -v -run '^TestMutants' ./internal/world -mutants=$(or $(MUTANTS),all)

demo: install build
	@bin/lab run -- bin/lab exec -- bin/demo

lab: install bin/lab
	@bin/lab up

lab-down: bin/lab
	@bin/lab down

bench: install build
	@go build -trimpath -o bin/bench-release ./bench/release
	@bin/lab run -- bin/lab exec -- bin/bench-release

oracle:
	@scripts/oracle.sh $(or $(VERSION),all)

postgres:
	@scripts/oracle.sh $(or $(VERSION),all) apply

changelog:
	@scripts/changelog.sh

bin/lab:
	@go build -trimpath -o bin/ ./internal/lab/cmd/lab
