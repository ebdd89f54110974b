package arrows_test

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// What is longer is not read. Tests are stories, and may be longer.
const (
	mostFunctionLines  = 60
	mostCommentColumns = 400
)

// TestFunctionsFitOnAScreen: what does two things is two functions.
func TestFunctionsFitOnAScreen(t *testing.T) {
	t.Parallel()
	eachLength(t, func(path string, fset *token.FileSet, f *ast.File) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || strings.HasSuffix(path, "_test.go") {
				continue
			}
			if n := linesOf(fset, fn); n > mostFunctionLines {
				t.Errorf("%s: %s has %d lines, at most %d: split it where it reads better", path, fn.Name.Name, n, mostFunctionLines)
			}
		}
	})
}

// TestCommentsAreNotWide is for those who read without a wrapping editor.
func TestCommentsAreNotWide(t *testing.T) {
	t.Parallel()
	eachLength(t, func(path string, fset *token.FileSet, f *ast.File) {
		for _, g := range f.Comments {
			for _, c := range g.List {
				for i, line := range strings.Split(c.Text, "\n") {
					if n := utf8.RuneCountInString(line); n > mostCommentColumns {
						t.Errorf("%s:%d: a comment of %d columns, at most %d", path, fset.Position(c.Pos()).Line+i, n, mostCommentColumns)
					}
				}
			}
		}
	})
}

// Lines of code of more than mostCodeColumns are hard to compare side by side.
// There were mostWideLines outside tests, most of them one text, when the rule
// came; their number only gets smaller.
const (
	mostCodeColumns = 160
	mostWideLines   = 300
)

func TestCodeIsNotWide(t *testing.T) {
	t.Parallel()
	found := map[string]int{}
	total := 0
	eachLength(t, func(path string, _ *token.FileSet, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") || ast.IsGenerated(f) {
			return
		}
		n := wideLines(t, "../../"+path)
		found[filepath.Dir(path)] += n
		total += n
	})
	if total > mostWideLines {
		t.Errorf("%d lines of code have more than %d columns, at most %d: break the new ones; by folder: %v", total, mostCodeColumns, mostWideLines, found)
	}
}

// wideLines counts the lines of a file that are wide and no comment.
func wideLines(t *testing.T, path string) (n int) {
	t.Helper()
	file, err := os.Open(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := bufio.NewScanner(file)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); !strings.HasPrefix(line, "//") && utf8.RuneCountInString(s.Text()) > mostCodeColumns {
			n++
		}
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestALongFunctionIsSeen and is counted with its braces.
func TestALongFunctionIsSeen(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", "package p\nfunc f() {"+strings.Repeat("\n", 60)+"}\n", 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := linesOf(fset, f.Decls[0].(*ast.FuncDecl)); n != mostFunctionLines+1 {
		t.Errorf("%d lines, expected %d", n, mostFunctionLines+1)
	}
}

func linesOf(fset *token.FileSet, fn *ast.FuncDecl) int {
	return fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1
}

// eachLength is eachFile with comments and places.
func eachLength(t *testing.T, fn func(path string, fset *token.FileSet, f *ast.File)) {
	t.Helper()
	eachFile(t, func(path string, _ *ast.File) {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "../../"+path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		fn(path, fset, f)
	})
}
