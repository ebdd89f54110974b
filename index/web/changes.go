package web

import (
	"maps"
	"slices"

	"github.com/oarlock/oarlock/index"
)

// Changes are what a reader should know before going from one version to
// another.
type Changes struct {
	Permissions, Dependencies, Platforms Delta
	Engines                              []EngineChange
	License, Signer                      [2]string // before and after, equal where nothing changed
}

// A Delta is what came and what went.
type Delta struct{ Added, Removed []string }

// An EngineChange is another range for a host; "" is none.
type EngineChange struct{ Host, Before, After string }

// Any reports whether c holds a change.
func (c Changes) Any() bool {
	return c.Permissions.any() || c.Dependencies.any() || c.Platforms.any() || len(c.Engines) > 0 ||
		c.License[0] != c.License[1] || c.Signer[0] != c.Signer[1]
}

func (d Delta) any() bool { return len(d.Added)+len(d.Removed) > 0 }

func changesOf(before, after index.Version) Changes {
	c := Changes{
		Permissions:  deltaOf(before.Permissions, after.Permissions),
		Dependencies: deltaOf(dependencyTexts(before), dependencyTexts(after)),
		Platforms:    deltaOf(platformTexts(before), platformTexts(after)),
		License:      [2]string{before.License, after.License},
		Signer:       [2]string{before.Signature.Signer, after.Signature.Signer},
	}
	hosts := maps.Clone(before.Engines)
	if hosts == nil {
		hosts = map[string]string{}
	}
	maps.Copy(hosts, after.Engines)
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		if before.Engines[host] != after.Engines[host] {
			c.Engines = append(c.Engines, EngineChange{host, before.Engines[host], after.Engines[host]})
		}
	}
	return c
}

func deltaOf(before, after []string) Delta {
	var d Delta
	for _, v := range after {
		if !slices.Contains(before, v) {
			d.Added = append(d.Added, v)
		}
	}
	for _, v := range before {
		if !slices.Contains(after, v) {
			d.Removed = append(d.Removed, v)
		}
	}
	return d
}

func dependencyTexts(v index.Version) []string {
	out := make([]string, 0, len(v.Dependencies))
	for _, d := range v.Dependencies {
		out = append(out, d.ID+" "+d.Range)
	}
	return out
}

func platformTexts(v index.Version) []string {
	var out []string
	for _, b := range v.Platforms {
		if t := platformText(b); t != "" {
			out = append(out, t)
		}
	}
	return out
}

// platformText is os/arch[/variant], or "" for any.
func platformText(b index.Build) string {
	switch {
	case b.OS == "" && b.Arch == "":
		return ""
	case b.Variant != "":
		return b.OS + "/" + b.Arch + "/" + b.Variant
	}
	return b.OS + "/" + b.Arch
}
