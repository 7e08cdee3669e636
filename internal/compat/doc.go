// Package compat holds what earlier versions wrote: ledgers, backup manifests, plan files. Its tests prove that this
// version reads every byte of it and loses nothing. It is no program and nothing imports it. Start with
// testdata/ecb9bb1/README.md.
package compat
