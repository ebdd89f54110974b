// Package gc removes what nothing reaches any more, while the registry serves.
//
// A run walks the repositories one by one. In each it reaches
//
//	every tag          → the manifest it means
//	every manifest     → its children, config and layers, its subject,
//	                     and every manifest whose subject it is
//	every young link   → written within the grace period, or since the oldest
//	                     upload in progress began, less the grace period
//
// and what it did not reach goes in steps:
//
//	link in force ──nothing reaches it, and it is old──► set aside
//	set aside     ──somebody reads it, or a survey reaches it──► in force
//	set aside     ──a later run, the grace period over──► dropped
//
//	bytes         ──no link in force leads to them, and they are old──► marked
//	marked        ──somebody looks for them, or a link leads to them──► unmarked
//	marked        ──a later run, the grace period over, no link at all──► removed
//
// Links are set aside and dropped under the exclusive lock of their repository,
// which a push of a manifest shares, after the survey was made again there. So a
// manifest that was acknowledged holds all it references, whatever the clock
// says; the grace period is for clients between two requests: one that saw a
// blob and pushes its manifest later finds the blob where it was.
//
// A repository with damage is not known whole: nothing of it is removed and
// the report names it. All state is in storage, below /oarlock/gc, and each
// step leaves one that the next run goes on from, so a run may end anywhere.
package gc
