package artifact

import (
	"math"

	"github.com/Masterminds/semver/v3"
)

// A NextFree holds the versions that can be published where one is taken. A
// number beyond 64 bits is the zero Version.
type NextFree struct{ Patch, Minor, Major Version }

// NextFreeVersions gives the lowest patch, minor and major release above
// version v and above every version in taken of the same minor, of the same
// major, and of all. For the patch a prerelease takes no release, so that of
// 1.2.0-rc.1 may be 1.2.0; build metadata frees none, so 1.2.0+x takes 1.2.0.
func NextFreeVersions(v Version, taken []Version) NextFree {
	major, minor, patch := v.Major(), v.Minor(), v.Patch()
	released := !v.IsPrerelease()
	for _, t := range taken {
		major = max(major, t.Major())
		if t.Major() != v.Major() {
			continue
		}
		minor = max(minor, t.Minor())
		if t.Minor() != v.Minor() || t.IsPrerelease() || t.Patch() < patch {
			continue
		}
		patch, released = t.Patch(), true
	}
	n := NextFree{Patch: release(v.Major(), v.Minor(), patch)}
	if released {
		n.Patch = Version{}
		if patch < math.MaxUint64 {
			n.Patch = release(v.Major(), v.Minor(), patch+1)
		}
	}
	if minor < math.MaxUint64 {
		n.Minor = release(v.Major(), minor+1, 0)
	}
	if major < math.MaxUint64 {
		n.Major = release(major+1, 0, 0)
	}
	return n
}

func release(major, minor, patch uint64) Version {
	return Version{semver.New(major, minor, patch, "", "")}
}

// All gives those that there are: patch, minor, major.
func (n NextFree) All() []Version {
	var all []Version
	for _, v := range []Version{n.Patch, n.Minor, n.Major} {
		if !v.IsZero() {
			all = append(all, v)
		}
	}
	return all
}
