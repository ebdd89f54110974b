package client

import (
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func thisPlatform() (artifact.Platform, error) {
	return artifact.ParsePlatform(runtime.GOOS + "/" + runtime.GOARCH)
}

// childFor chooses the child of an image index that a machine of platform p
// runs: its own platform before a lower variant, that before one for any. A
// wanted digest must be one of those. Errors wrap artifact.ErrNotFound where
// no child runs, ErrUnverified where the wanted one is not a child that runs.
func childFor(m *artifact.Manifest, p artifact.Platform, want digest.Digest) (ocispec.Descriptor, error) {
	type build struct {
		platform artifact.Platform
		at       ocispec.Descriptor
	}
	var runs []build
	var all []string
	for i, d := range m.Children {
		platform, err := artifact.PlatformOf(d.Platform)
		if err != nil {
			return ocispec.Descriptor{}, fmt.Errorf("manifests[%d]: %w", i, err)
		}
		all = append(all, platform.String())
		if p.Runs(platform) && (want == "" || d.Digest == want) {
			runs = append(runs, build{platform, d})
		}
	}
	if len(runs) == 0 && want != "" {
		return ocispec.Descriptor{}, fmt.Errorf("%s is not a build for %s in image index %s: %w", want, p, m.Descriptor.Digest, artifact.ErrUnverified)
	}
	if len(runs) == 0 {
		return ocispec.Descriptor{}, fmt.Errorf("no build for %s, there are %s: %w", p, strings.Join(all, ", "), artifact.ErrNotFound)
	}
	best := slices.MaxFunc(runs, func(a, b build) int { return p.Better(a.platform, b.platform) })
	return best.at, nil
}

// runsOn says whether a plugin of one manifest runs on platform p.
func runsOn(plugin *artifact.Plugin, p artifact.Platform) error {
	if len(plugin.Platforms) == 0 || slices.ContainsFunc(plugin.Platforms, p.Runs) {
		return nil
	}
	var all []string
	for _, built := range plugin.Platforms {
		all = append(all, built.String())
	}
	return fmt.Errorf("no build for %s, there are %s: %w", p, strings.Join(all, ", "), artifact.ErrNotFound)
}

// lastTwo are the last two parts of a repository.
func lastTwo(repository string) string {
	dir, plugin := path.Split(repository)
	return path.Join(path.Base(path.Clean(dir)), plugin)
}
