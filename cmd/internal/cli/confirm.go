package cli

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// confirmed makes cmd ask before it does what cannot be undone. what says what
// it will do with its arguments. --yes answers; without it a person is asked at
// a terminal, and a program is refused.
func (c *console) confirmed(cmd *cobra.Command, what func(args []string) string) *cobra.Command {
	var yes bool
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking; it cannot be undone")
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !yes {
			if err := c.ask(what(args)); err != nil {
				return fmt.Errorf("%s: %w", strings.TrimPrefix(cmd.CommandPath(), "oarlock "), err)
			}
		}
		return run(cmd, args)
	}
	return cmd
}

// ask returns nil where a person at a terminal says yes.
func (c *console) ask(what string) error {
	in, ok := c.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return usagef("%s, which cannot be undone, and there is no terminal to ask at: give --yes", what)
	}
	fmt.Fprintf(c.Err, "%s. This cannot be undone. Go on? [y/N] ", cells([]any{what})...)
	answer, err := bufio.NewReader(in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	if err != nil {
		fmt.Fprintln(c.Err)
	}
	return usagef("%s: the answer was no; nothing was done", what)
}
