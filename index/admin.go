package index

// A Promotion is what a channel points to now, and did before.
type Promotion struct {
	ID      string `json:"id"`
	Channel string `json:"channel"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Before  string `json:"before,omitempty" doc:"Digest that the channel pointed to before."`
}

// Rebuilt compares a catalog derived anew with the one that serves.
type Rebuilt struct {
	Stamp
	Rebuilt     string   `json:"rebuilt_digest" doc:"Digest of the catalog derived anew."`
	Agrees      bool     `json:"agrees"`
	Differences []string `json:"differences,omitempty" doc:"Plugins on which the two differ."`
}

// A Damage is one stored thing that is not what it should be.
type Damage struct {
	Repository string `json:"repository,omitempty"`
	Digest     string `json:"digest,omitempty"`
	Tag        string `json:"tag,omitempty"`
	Path       string `json:"path"`
	What       string `json:"what"`
	Kind       string `json:"kind,omitempty"`
	Mended     string `json:"mended,omitempty" doc:"How, where it is whole again."`
}
