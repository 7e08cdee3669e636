//go:build embed_agent

package host

import (
	"embed"
	"io/fs"
)

//go:embed agents
var agentFiles embed.FS

func embedded() fs.FS { return agentFiles }
