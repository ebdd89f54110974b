package index

import "time"

// A RootRotation says what the next root changes.
type RootRotation struct {
	KeepRootKey bool `json:"keep_root_key,omitempty" doc:"Only make the root last longer; its key stays."`
	OnlineKeys  bool `json:"online_keys,omitempty" doc:"New keys of targets, snapshot and timestamp too. Readers then forget which versions they saw: for a site that was restored from a backup."`
}

// A Root is the newest root of the signed catalog.
type Root struct {
	Version   int64     `json:"version" doc:"Versions rise by one."`
	Digest    string    `json:"digest" doc:"What a reader may pin."`
	ExpiresAt time.Time `json:"expires_at"`
}
