//go:build !unix

package cli

// privateFiles does nothing where files have no modes: there a folder's access
// list decides.
func privateFiles() {}
