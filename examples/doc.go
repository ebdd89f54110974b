// Package examples shows Oarlock from the outside, by its public packages and
// its command alone:
//
//	plugins/hello-wasm  a WebAssembly plugin that needs another plugin
//	plugins/greetings   a plugin of one text file, pushed with curl and annotations only
//	plugins/native      a native plugin for two platforms
//	host                an application that installs, verifies and runs plugins
//	krew-importer       loads a public index of real plugins into a registry
//
// scripts/demo runs them together.
package examples
