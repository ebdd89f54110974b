// The plugin examples/native says which platform it was built for.
package main

import (
	"os"
	"runtime"
)

func main() {
	os.Stdout.WriteString("Hello from " + runtime.GOOS + "/" + runtime.GOARCH + ".\n")
}
