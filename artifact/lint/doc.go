// Package lint looks at a plugin directory the way a reviewer would and says
// what is wrong or odd with it: each problem with its place
// (file:line:column), what came, and how to fix it.
//
// A problem that is not a warning keeps the directory from being packed or
// published, or the plugin from being loaded. A warning is allowed and
// probably not meant.
package lint
