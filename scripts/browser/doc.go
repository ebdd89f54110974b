// Package browser looks at the pages as people do, in a real Chromium against a
// real server: with the keyboard alone, on a narrow screen, with scripts off,
// and with axe-core reading every page. `make browser` installs what it needs.
package browser
