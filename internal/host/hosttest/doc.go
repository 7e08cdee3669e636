// Package hosttest tries package host against the real agent, which stands above it. It is test-only.
package hosttest
