# make build     the programs, into bin/
# make test      everything: the pure tests, then the real parts in a lab
# make lab       a lab to use by hand; prints its environment. make lab-down ends it
# make demo      a story of five releases, told in a lab of its own
# make oracle    the claims of the reviewer against another PostgreSQL: VERSION=13 to 18, or all
.PHONY: build test lab lab-down demo install

build:
	CGO_ENABLED=0 GOARCH=amd64 go build -trimpath -ldflags="-s -w" -o bin/fairlead-agent-linux-amd64 ./cmd/fairlead-agent
	CGO_ENABLED=0 GOARCH=arm64 go build -trimpath -ldflags="-s -w" -o bin/fairlead-agent-linux-arm64 ./cmd/fairlead-agent
	go build -trimpath -o bin/ ./cmd/fairlead ./internal/lab/cmd/...

install:
	@scripts/install.sh

test: install
	@scripts/test.sh

lab: install bin/lab
	@bin/lab up

lab-down: bin/lab
	@bin/lab down

demo: install build
	@bin/lab run -- bin/lab exec -- bin/demo

.PHONY: oracle
oracle:
	@scripts/oracle.sh $(or $(VERSION),all)

.PHONY: bin/lab
bin/lab:
	@go build -trimpath -o bin/ ./internal/lab/cmd/lab
