package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// groups order the verbs in help.
var groups = []cobra.Group{
	{ID: "publish", Title: "Publish:"},
	{ID: "find", Title: "Find:"},
	{ID: "use", Title: "Install:"},
	{ID: "operate", Title: "Operate:"},
}

func newRoot(c *console) *cobra.Command {
	showVersion := false
	root := &cobra.Command{
		Use:   "oarlock",
		Short: "Publish, find, verify and install plugins kept as OCI artifacts",
		Long: "Oarlock keeps plugins as OCI artifacts in a registry, judges who signed them, and tells\n" +
			"a host application which versions fit it. The bytes are pulled by digest, by any OCI client.",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			c.signed.serverGiven = cmd.Flags().Changed("server")
			c.plainTold = cmd.Flags().Changed("plain-http")
			c.tokenHost = hostOf(c.server)
			switch c.output {
			case "text", "json", "yaml":
				return refuseTokens(cmd, args)
			}
			return usagef("--output %q: expected text, json or yaml", c.output)
		},
		Args: noVerb,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if showVersion {
				return c.print(buildVersion(c.version))
			}
			return cmd.Help()
		},
	}
	c.flags(root)
	root.Flags().BoolVar(&showVersion, "version", false, "print the version of this program")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		c.output = outputOf(cmd, c.typed, c.output) // it may stand behind what could not be read
		if _, rest, _ := root.Find(c.typed); cmd.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
			return unknownVerb(cmd, rest[0]) // its flags are unknown because it is
		}
		return usagef("%s: see %q", err, cmd.CommandPath()+" --help")
	})
	for i := range groups {
		root.AddGroup(&groups[i])
	}
	add := func(group string, verbs ...*cobra.Command) {
		for _, v := range verbs {
			v.GroupID = group
			root.AddCommand(v)
		}
	}
	addVerbs(c, add)
	shorthand(root, root.PersistentFlags().Lookup("output"))
	offerWords(root)
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	strict(root)
	return root
}

// shorthand gives every verb -o for --output, but for those that have another.
func shorthand(cmd *cobra.Command, output *pflag.Flag) {
	if cmd.HasParent() && cmd.Flags().ShorthandLookup("o") == nil && cmd.PersistentFlags().ShorthandLookup("o") == nil {
		short := *output
		short.Shorthand = "o"
		cmd.Flags().AddFlag(&short)
	}
	for _, child := range cmd.Commands() {
		shorthand(child, output)
	}
}

// outputOf is the form of output that a command line asks for, whose flags could
// not all be read; otherwise where it asks for none.
func outputOf(cmd *cobra.Command, typed []string, otherwise string) string {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.ParseErrorsAllowlist.UnknownFlags = true
	f.SetOutput(io.Discard)
	short := ""
	if o := cmd.Flags().ShorthandLookup("o"); o == nil || o.Name == "output" {
		short = "o" // elsewhere it is another's
	}
	form := f.StringP("output", short, otherwise, "")
	f.BoolP("quiet", "q", false, "")
	f.BoolP("help", "h", false, "")
	_ = f.Parse(typed)
	return *form
}

// verb fills what every command has: help of one line, the reason, examples.
func verb(use, short, long string, examples ...string) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: short + ".\n\n" + long}
	cmd.Example = "  " + strings.Join(examples, "\n  ")
	return cmd
}

// args asks for between least and most arguments; most < 0 is any number.
func args(least, most int, names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, got []string) error {
		if len(got) >= least && (most < 0 || len(got) <= most) {
			return nil
		}
		return usagef("%s: %d arguments came, expected %s: see %q", cmd.Name(), len(got), names, cmd.CommandPath()+" --help")
	}
}

// unknownVerb is the error of a verb that cmd does not have.
func unknownVerb(cmd *cobra.Command, name string) error {
	msg := fmt.Sprintf("unknown verb %q", name)
	if cmd.HasParent() {
		msg = fmt.Sprintf("%s: %s", strings.TrimPrefix(cmd.CommandPath(), "oarlock "), msg)
	}
	cmd.SuggestionsMinimumDistance = 2
	if s := cmd.SuggestionsFor(name); len(s) > 0 {
		for i := range s {
			s[i] = strconv.Quote(s[i])
		}
		msg += ", did you mean " + strings.Join(s, " or ") + "?"
	}
	return usagef("%s: see \"%s --help\"", msg, cmd.CommandPath())
}

// mistyped is the error of a command line that asks for the help of a verb that is not
// there: cobra shows the help of its parent, and says nothing.
func mistyped(root *cobra.Command, args []string) error {
	if !slices.Contains(args, "--help") && !slices.Contains(args, "-h") {
		return nil
	}
	of, rest, err := root.Find(args)
	if err != nil || !of.HasSubCommands() || of.Args == nil || len(rest) == 0 || strings.HasPrefix(rest[0], "-") {
		return nil // Execute says what it thinks of it
	}
	return of.Args(of, rest[:1])
}

// strict makes what cobra adds of itself refuse what it does not know.
func strict(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Run, cmd.RunE = nil, func(_ *cobra.Command, args []string) error {
				of, rest, err := root.Find(args)
				if err != nil {
					return argument(err)
				}
				if len(rest) > 0 {
					return unknownVerb(of, rest[0])
				}
				of.InitDefaultHelpFlag()
				return of.Help()
			}
		case "completion":
			holds(cmd)
			for _, shell := range cmd.Commands() {
				shell.Args = args(0, 0, "none")
			}
		}
	}
}

// parent makes a command that only holds others.
func parent(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	holds(cmd)
	cmd.AddCommand(children...)
	var examples []string // one of each, so that nobody has to look into all of them
	for _, child := range children {
		if first, _, _ := strings.Cut(child.Example, "\n"); first != "" {
			examples = append(examples, first)
		}
	}
	cmd.Example = strings.Join(examples, "\n")
	return cmd
}

// holds makes cmd one that does nothing itself.
func holds(cmd *cobra.Command) {
	cmd.Args = noVerb
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return usagef("%s: one of its verbs was expected: see %q", strings.TrimPrefix(cmd.CommandPath(), "oarlock "), cmd.CommandPath()+" --help")
	}
}

// noVerb refuses an argument where a verb belongs.
func noVerb(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownVerb(cmd, args[0])
	}
	return nil
}
