// Package driver keeps bytes at a path, over a storage driver of distribution
// that it completes with what the registry needs of any storage:
//
//	Later, Settle       many writes made durable by one sync (barrier.go, later.go)
//	Held, Swap          a file replaced or removed only where it holds what was read (fence.go)
//	Writer              uploads that are not synced before they are whole (scratch.go)
//	GetContent, Stat    what a collector set aside is back before it is answered (putback.go)
//	Silence             a bucket that says nothing, or that it has no room (bucket.go)
//	WithFault           what storage answered, for whoever answers the request
//
// It knows where things are (paths.go) and nothing of what they mean: of tags,
// manifests and referrers, of rules and of HTTP it knows nothing.
package driver
