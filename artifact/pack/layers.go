package pack

import (
	"fmt"
	"math"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// unpacks reports whether Extract takes the layer d for an archive, and not
// for the one file that its title names.
func unpacks(d ocispec.Descriptor) bool {
	return IsArchive(d.MediaType) &&
		(d.Annotations[ocispec.AnnotationTitle] == "" || d.MediaType == artifact.TypeContent || d.Annotations[annotationUnpack] == "true")
}

// CheckLayers names every layer of the image manifest m that Extract would
// refuse for what its descriptor says, on any operating system: what is
// neither an archive nor titled, compressions that are not known, titles that
// leave the directory or that are there twice. What lies in archives shows
// only when they are unpacked. Places are layers[i].
func CheckLayers(m *artifact.Manifest) []artifact.Problem {
	var out []artifact.Problem
	seen := names{}
	var sum int64
	for i, d := range m.Layers {
		note := func(fix, format string, args ...any) {
			out = append(out, artifact.Problem{Place: fmt.Sprintf("layers[%d]", i), Detail: fmt.Sprintf(format, args...), Fix: fix})
		}
		if d.Size > math.MaxInt64-sum {
			note("correct its size", "the layers have more than %d bytes in all", int64(math.MaxInt64))
			return out
		}
		sum += d.Size
		title := d.Annotations[ocispec.AnnotationTitle]
		switch {
		case d.MediaType == ocispec.MediaTypeEmptyJSON, unpacks(d):
		case foreign(d.MediaType):
			note("push the layer itself, as a tar or gzipped tar", "media type %.200q is fetched from elsewhere, which no client of plugins does", d.MediaType)
		case title == "":
			note("add "+ocispec.AnnotationTitle+" with its file name, or push a tar or gzipped tar",
				"media type %.200q is no archive that can be unpacked, and it has no title to be a file by", d.MediaType)
		case d.Annotations[annotationUnpack] == "true":
			note("push a tar or gzipped tar", "it is marked to be unpacked, and media type %.200q is no archive that is known", d.MediaType)
		default:
			if err := titled(seen, title); err != nil {
				note("give it a title of its own inside the plugin's directory", "title %.200q: %s", title, err)
			}
		}
	}
	return out
}

// titled takes the title of a single file.
func titled(seen names, title string) error {
	name, err := cleanName(title)
	if err != nil {
		return detail(err)
	}
	if name == "." {
		return fmt.Errorf("is the directory itself")
	}
	if err := artifact.PortablePath(name); err != nil {
		return fmt.Errorf("%s", strings.TrimSuffix(err.Error(), ": "+artifact.ErrInvalid.Error()))
	}
	if err := seen.add(name, kindFile, DefaultLimits); err != nil {
		return detail(err)
	}
	return nil
}

// foreign holds for layers that registries do not keep.
func foreign(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.oci.image.layer.nondistributable.") ||
		strings.HasPrefix(mediaType, "application/vnd.docker.image.rootfs.foreign.")
}
