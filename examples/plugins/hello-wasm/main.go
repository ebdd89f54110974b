//go:build wasip1

// The plugin examples/hello-wasm prints the greetings of the plugin that it
// needs, or one of its own where that is not there.
package main

import "os"

func main() {
	text, err := os.ReadFile("/plugins/examples/greetings/greetings.txt")
	if err != nil {
		text = []byte("Hello from WebAssembly.\n")
	}
	os.Stdout.Write(text)
}
