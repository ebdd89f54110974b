// Package crash kills a real server while the importer pushes to it, at random
// moments, and looks for anything that was acknowledged and is gone. Its test
// has the build tag e2e; KREW_SET names a krew set to import instead of a
// made one.
package crash
