package index

import "github.com/opencontainers/go-digest"

// A Promotion is what a channel points to now, and did before.
type Promotion struct {
	ID      string `json:"id"`
	Channel string `json:"channel"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Before  string `json:"before,omitempty" doc:"Digest that the channel pointed to before."`
}

// A Channel is a tag that moves, and the version that it points to.
type Channel struct {
	Channel string        `json:"channel" example:"stable"`
	Version string        `json:"version,omitempty" doc:"Absent where it points to what no version of the catalog is."`
	Digest  digest.Digest `json:"digest"`
	Listed  bool          `json:"listed" doc:"Whether the version is in answers: a channel that points to one that is not answers nothing."`
}

// ChannelList is a page of the channels of one plugin, by name.
type ChannelList struct {
	Stamp
	ID         string    `json:"id"`
	Items      []Channel `json:"items"`
	NextCursor string    `json:"next_cursor,omitempty" doc:"Ask again with cursor set to this; absent on the last page."`
}

// RemovedChannel is a channel that is there no more.
type RemovedChannel struct {
	ID      string `json:"id"`
	Channel string `json:"channel"`
	Before  string `json:"before,omitempty" doc:"Digest that the channel pointed to."`
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
