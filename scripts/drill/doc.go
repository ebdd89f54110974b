// Package drill is what the drills share: a drill starts the built server as an
// operator would, does one thing in the size that a requirement names, and looks
// at all that it did and how long that took. Each is a test in a folder of its
// own below this one.
//
//	make drill-notify                    in full, by the time that it may take
//	scripts/drill/run --tenth notify     a tenth of it, everything but the times
//	scripts/drill/run --tenth --all      each of them so, which is a step of CI
package drill
