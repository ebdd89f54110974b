// Command oarlock publishes, finds, verifies and installs plugins kept as OCI
// artifacts, and serves the registry and catalog that they live in.
package main

import (
	"os"

	"github.com/oarlock/oarlock/cmd/internal/cli"
)

// version is set by the linker where the build has no VCS stamp.
var version string

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, version))
}
