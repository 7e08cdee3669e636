// Package kept tries, in the lab, where backups are kept: in a bucket, encrypted, and on the host, over ssh. It is
// test-only.
package kept
