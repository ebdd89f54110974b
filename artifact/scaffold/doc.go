// Package scaffold writes a starter plugin that packs and runs at once: a
// WebAssembly command with its manifest, its Go source and its papers.
package scaffold
