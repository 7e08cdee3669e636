package assemble

import (
	"maps"
	"slices"

	"fairlead/internal/config"
	"fairlead/internal/source"
	"fairlead/internal/source/file"
)

// sources are the kinds of places where releases come from. A new one is one entry here.
func sources() map[string]func(config.Release) source.Source {
	return map[string]func(config.Release) source.Source{
		"file": func(c config.Release) source.Source { return file.New(c.Path.String()) },
	}
}

// Source gives where releases come from, as configured, or a release file or folder that was named in its place.
func Source(c config.Config, named string) (source.Source, error) {
	if named != "" {
		return file.New(named), nil
	}
	if err := c.Allowed("release.source", c.Release.Source, Sources(), "github", "staging-host"); err != nil {
		return nil, err
	}
	return sources()[c.Release.Source](c.Release), nil
}

// Sources lists the words that release.source may be.
func Sources() []string { return slices.Sorted(maps.Keys(sources())) }
