package index

// Garbage is one stored thing and what a collection does with it.
type Garbage struct {
	Repository string `json:"repository,omitempty"`
	Digest     string `json:"digest"`
	Kind       string `json:"kind"` // manifest, blob, bytes
	Size       int64  `json:"size"`
	Decision   string `json:"decision"` // keep, remove, could_not_tell
	Reason     string `json:"reason"`
}

// A Collection sums up one run of the garbage collection.
type Collection struct {
	DryRun            bool     `json:"dry_run"`
	Repositories      int      `json:"repositories"`
	ManifestsKept     int      `json:"manifests_kept"`
	ManifestsSetAside int      `json:"manifests_set_aside"`
	ManifestsRemoved  int      `json:"manifests_removed"`
	BlobsKept         int      `json:"blobs_kept"`
	BlobsSetAside     int      `json:"blobs_set_aside"`
	BlobsRemoved      int      `json:"blobs_removed"`
	BytesFreed        int64    `json:"bytes_freed"`
	Damaged           []Damage `json:"damaged"`
}

// A CollectionLine is one line of the answer to a collection: a Garbage, or the
// last one, which has Done with Report, or Error.
type CollectionLine struct {
	Garbage
	Done   bool       `json:"done"`
	Report Collection `json:"report"`
	Error  *Problem   `json:"error"`
}
