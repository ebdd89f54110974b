package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// confirmed makes cmd ask before it does what cannot be undone. what says what
// it will do with its arguments. --yes answers; without it a person is asked at
// a terminal, and a program is refused.
func (c *console) confirmed(cmd *cobra.Command, what func(args []string) string) *cobra.Command {
	return c.asking(cmd, what, true)
}

// checked is confirmed for verbs that scripts use without --yes: a person is
// asked at a terminal, and a program goes on. what may be "" where the flags
// ask for nothing that a person would want to think about.
func (c *console) checked(cmd *cobra.Command, what func(args []string) string) *cobra.Command {
	return c.asking(cmd, what, false)
}

func (c *console) asking(cmd *cobra.Command, what func(args []string) string, always bool) *cobra.Command {
	var yes bool
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if text := what(args); !yes && text != "" && (always || c.person() != nil) {
			if err := c.ask(cmd.Context(), text, always); err != nil {
				return fmt.Errorf("%s: %w", strings.TrimPrefix(cmd.CommandPath(), "oarlock "), err)
			}
		}
		return run(cmd, args)
	}
	return cmd
}

// ask returns nil where a person at a terminal says yes.
func (c *console) ask(ctx context.Context, what string, always bool) error {
	if c.person() == nil {
		return usagef("%s, which cannot be undone, and there is no terminal to ask at: give --yes", what)
	}
	warning := ""
	if always {
		warning = "This cannot be undone. "
	}
	answer, err := c.askLine(ctx, fmt.Sprintf("%s. %sGo on? [y/N] ", append(cells([]any{what}), warning)...))
	if ctx.Err() != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return usagef("the answer was no; nothing was done")
}
