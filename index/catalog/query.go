package catalog

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// The most that one page holds, and what it holds unless told.
const (
	MaxLimit     = 500
	DefaultLimit = 50
)

// The orders of an answer. Ties go by id.
const (
	SortRelevance = "relevance" // best match first; the default with text
	SortName      = "name"      // the default without
	SortUpdated   = "updated"   // what was published here last first; what is not known, last
	SortDownloads = "downloads" // most first; only with Joins
	SortRating    = "rating"    // best first; only with Joins
)

// The facets of an answer.
const (
	FacetCategory  = "category"
	FacetPublisher = "publisher"
	FacetLicense   = "license"
	FacetNiche     = "niche"
	FacetTier      = "tier"
	FacetPlatform  = "platform"
	FacetChannel   = "channel"
	FacetState     = "state"
	FacetVerified  = "verified"
	FacetSource    = "source"

	FacetSignature         = "signature"
	FacetPublisherVerified = "publisher_verified"
)

// AllFacets are the names that Query.Facets may hold.
var AllFacets = []string{FacetCategory, FacetPublisher, FacetLicense, FacetNiche, FacetTier,
	FacetPlatform, FacetChannel, FacetState, FacetVerified, FacetSource, FacetSignature, FacetPublisherVerified}

// A Query is a question to the catalog. The zero Query asks for everything.
// Within one filter any value will do, in whatever case; every filter must hold.
type Query struct {
	Fit
	Text       string // every word must be found: in name, id, keywords or description
	Categories []string
	Publishers []string
	Licenses   []string // SPDX expressions; "MIT" takes "MIT OR Apache-2.0" too
	Niches     []string
	Tiers      []string
	States     []string
	Verified   *bool    // signed by someone whom the trust policy knows for the namespace
	Signatures []string // statuses of the signature
	// PublisherVerified asks whether the publisher's ledger says that it is verified.
	PublisherVerified *bool
	Source            string   // name or badge
	Has               []string // kinds or predicate types of verified attestations
	Builders          []string // who built it, by verified provenance
	Sort              string   // empty: by relevance with Text, else by name
	Limit             int      // 0 is DefaultLimit
	Cursor            string   // NextCursor of the page before
	Facets            []string // which facets to count
	Generation        int64    // number that NextCursor shall carry
}

// A Hit is one plugin of an answer with the version that fits the question.
type Hit struct {
	Plugin  *Plugin
	Version *Version
	Score   int // of the text; higher is better, comparable within one answer only
}

// A Result is one page of an answer.
type Result struct {
	Total      int // plugins on all pages
	Items      []Hit
	Facets     map[string]map[string]int // facet → value → plugins there would be with that value, all other filters kept
	NextCursor string                    // empty on the last page
}

// Joins gives the facts that belong to this site and are in no Snapshot. It
// is asked for every plugin that matches when an answer is sorted by them, so
// it answers from memory.
type Joins interface {
	Downloads(id artifact.Name) int64
	Rating(id artifact.Name) (average float64, reviews int64)
}

// checked is q with its defaults filled in. Errors wrap artifact.ErrInvalid.
func (q Query) checked() (Query, error) {
	if len(q.Text) > maxText {
		return q, fmt.Errorf("text: %d bytes, expected at most %d: %w", len(q.Text), maxText, artifact.ErrInvalid)
	}
	q.Text = strings.TrimSpace(q.Text)
	switch q.Sort {
	case "", SortRelevance:
		q.Sort = SortRelevance
		if q.Text == "" {
			q.Sort = SortName
		}
	case SortName, SortUpdated, SortDownloads, SortRating:
	default:
		return q, fmt.Errorf("sort %q: expected relevance, name, updated, downloads or rating: %w", q.Sort, artifact.ErrInvalid)
	}
	if q.Limit == 0 {
		q.Limit = DefaultLimit
	}
	if q.Limit < 0 || q.Limit > MaxLimit {
		return q, fmt.Errorf("limit %d: expected 1 to %d: %w", q.Limit, MaxLimit, artifact.ErrInvalid)
	}
	if err := q.bounded(); err != nil {
		return q, err
	}
	for _, name := range q.Facets {
		if !slices.Contains(AllFacets, name) {
			return q, fmt.Errorf("facet %q: expected one of %s: %w", name, strings.Join(AllFacets, ", "), artifact.ErrInvalid)
		}
	}
	return q, nil
}

// bounded refuses filters of more values than anybody chooses: whoever asks
// decides how much is compared with every plugin.
func (q *Query) bounded() error {
	for name, values := range map[string][]string{"category": q.Categories, "publisher": q.Publishers, "license": q.Licenses, "niche": q.Niches,
		"tier": q.Tiers, "state": q.States, "signature": q.Signatures, "has": q.Has, "builder": q.Builders, "facets": q.Facets} {
		if len(values) > MaxValues {
			return fmt.Errorf("%s: more than %d values: %w", name, MaxValues, artifact.ErrInvalid)
		}
		for _, v := range values {
			if len(v) > maxText {
				return fmt.Errorf("%s: a value of %d bytes, expected at most %d: %w", name, len(v), maxText, artifact.ErrInvalid)
			}
		}
	}
	return nil
}

// ErrSortUnavailable is wrapped where an order was asked for by what nobody counts.
var ErrSortUnavailable = errors.New("not counted here")

// sortable refuses orders by facts that are not there: all plugins would be
// equal, and the answer would look as if they were ordered.
func (q *Query) sortable(env Joins) error {
	if env == nil && (q.Sort == SortDownloads || q.Sort == SortRating) {
		return fmt.Errorf("sort %q: %w, expected relevance, name or updated: %w", q.Sort, ErrSortUnavailable, artifact.ErrInvalid)
	}
	return nil
}

// MaxValues is how many values one filter of a query may have.
const MaxValues = 64

// maxText is the longest text of a query, and the longest value of a filter, in bytes.
const maxText = 512

// question is a hash of all in q that decides which rows there are and in
// which order.
func (q *Query) question() uint64 {
	h := fnv.New64a()
	write := func(parts ...string) {
		for _, part := range parts {
			fmt.Fprintf(h, "%d:%s,", len(part), part)
		}
		h.Write([]byte{';'})
	}
	write(q.Host.String(), q.HostVersion.String(), q.Platform.String(), q.Channel, fmt.Sprint(q.Prerelease), q.Text, q.Sort, q.Source)
	for _, filter := range [][]string{q.Categories, q.Publishers, q.Licenses, q.Niches, q.Tiers, q.States, q.Has, q.Builders} {
		write(slices.Sorted(slices.Values(filter))...)
	}
	write(slices.Sorted(slices.Values(q.Signatures))...)
	for _, yes := range []*bool{q.Verified, q.PublisherVerified} {
		if yes != nil {
			write(fmt.Sprint(*yes))
		} else {
			write()
		}
	}
	if q.Age != nil {
		write(q.Age.Least.String())
	}
	return h.Sum64()
}
