//go:build !embed_agent

package host

import "io/fs"

func embedded() fs.FS { return nil }
