package cli

import (
	"regexp"
	"slices"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// closedList finds, in the help of a flag, that it takes one of a few words.
var closedList = regexp.MustCompile(`^(?:one or more of |result as |.*of the site: )?[a-z-]+(?:, [a-z-]+)*,? (?:or|and) [a-z0-9-]+(?:$|[ ;:,(])|^true(?: or false)?:`)

// Proves L3: a shell offers the words of every flag that takes one of a closed
// list, at every verb that has the flag.
func TestEveryClosedListIsOfferedToTheShell_L3(t *testing.T) {
	t.Parallel()
	free := []string{"category", "tier", "niche", "license", "publisher", "password", "expires"} // whose words others choose
	offered := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() == "bool" || slices.Contains(free, f.Name) {
				return
			}
			_, ok := cmd.GetFlagCompletionFunc(f.Name)
			switch {
			case ok:
				offered++
			case closedList.MatchString(f.Usage):
				t.Errorf("%s --%s: %q, and the shell is offered nothing", cmd.CommandPath(), f.Name, f.Usage)
			}
		})
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	root := newRoot(&console{})
	walk(root)
	if offered < 60 {
		t.Errorf("only %d flags offer words", offered)
	}
	for _, path := range [][]string{{"serve"}, {"backup"}, {"restore-backup"}, {"token", "recover"}, {"config", "check"}} {
		cmd, _, err := root.Find(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range []string{"log-level", "log-format"} {
			if _, ok := cmd.GetFlagCompletionFunc(flag); !ok {
				t.Errorf("%s --%s offers nothing", cmd.CommandPath(), flag)
			}
		}
	}
}
