package storage

import (
	"bytes"
	"sort"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// One page of referrers holds at most that many and that many bytes.
const (
	MaxReferrers     = 1000
	maxReferrersBody = 4 << 20
)

// A ReferrersPage is one answer: an image index, and whether more comes after last.
type ReferrersPage struct {
	Body []byte
	Last digest.Digest
	More bool
}

// Page is the index of what of l comes after last and is of the wanted type, at
// most most of it or, if that is negative, as much as fits a page. What is asked
// for without parameters was written when the list was read.
func (l ReferrerList) Page(last string, most int, want string) ReferrersPage {
	if last == "" && most < 0 && want == "" {
		return l.first
	}
	return l.write(last, most, want)
}

func (l ReferrerList) write(last string, most int, want string) (out ReferrersPage) {
	if most < 0 {
		most = MaxReferrers
	}
	from := sort.Search(len(l.descriptors), func(i int) bool { return string(l.descriptors[i].Digest) > last })
	var b bytes.Buffer
	b.WriteString(`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageIndex + `","manifests":[`)
	n := 0
	for i := from; i < len(l.descriptors) && most > 0; i++ {
		if want != "" && l.descriptors[i].ArtifactType != want {
			continue
		}
		if n == most || n > 0 && b.Len()+len(l.encoded[i]) > maxReferrersBody {
			out.More = true
			break
		}
		if n > 0 {
			b.WriteByte(',')
		}
		b.Write(l.encoded[i])
		n, out.Last = n+1, l.descriptors[i].Digest
	}
	b.WriteString("]}")
	out.Body = b.Bytes()
	return out
}
