package assemble

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"fairlead/internal/backup"
	"fairlead/internal/backup/dir"
	"fairlead/internal/database"
	"fairlead/internal/step"
)

// directoryJobs is by how many sessions a dump in the directory format is taken and restored; 0 for the custom format.
func (p *Project) directoryJobs() int {
	b := p.Config.Backup
	switch {
	case b.Format != database.FormatDirectory:
		return 0
	case b.Jobs > 0:
		return b.Jobs
	}
	return min(max(2, runtime.NumCPU()), 4)
}

// restoreJobs is by how many sessions a backup is restored: by those that are configured for its format, or by the cores.
func (p *Project) restoreJobs(m backup.Manifest) int {
	if n := p.directoryJobs(); n > 0 && m.Format == database.FormatDirectory {
		return n
	}
	return max(2, runtime.NumCPU())
}

// scratch is the folder below which directories of dumps stand: the configured one, or the one of a store of kind dir (under a hidden
// name), or one beside the outbox.
func (p *Project) scratch() string {
	b := p.Config.Backup
	if b.Scratch != "" {
		return b.Scratch.String()
	}
	if kept := p.keptBelow(); kept != "" {
		return kept
	}
	return filepath.Join(p.options.State, "scratch")
}

// keptBelow is the folder of a store of kind dir, "" for others.
func (p *Project) keptBelow() string {
	var c dir.Config
	if b := p.Config.Backup.Store; b.Kind != "dir" || b.Decode(&c) != nil {
		return ""
	}
	return c.Path.String()
}

// workspace is where dumps in the directory format stand; nil for the custom format.
func (p *Project) workspace() *step.Workspace {
	w, ok := p.database.(interface {
		Workspace() (string, int64, error)
	})
	if !ok || p.directoryJobs() == 0 {
		return nil
	}
	kept := p.keptBelow()
	return &step.Workspace{Look: w.Workspace, Shared: kept != "" && sameDisk(kept, p.scratch())}
}

// sameDisk tells whether two folders are on one disk; folders that are to be made count as those above them.
func sameDisk(a, b string) bool {
	one, ok := diskOf(a)
	other, also := diskOf(b)
	return ok && also && one == other
}

func diskOf(path string) (uint64, bool) {
	for {
		st, err := os.Stat(path)
		if up := filepath.Dir(path); err != nil && up != path {
			path = up
			continue
		}
		if err != nil {
			return 0, false
		}
		s, ok := st.Sys().(*syscall.Stat_t)
		if !ok {
			return 0, false
		}
		return uint64(s.Dev), true
	}
}
