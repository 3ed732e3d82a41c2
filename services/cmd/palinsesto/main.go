// SPDX-License-Identifier: AGPL-3.0-or-later

// Command palinsesto is the whole house: its rooms, the demo, the sandbox, and what operators type.
//
// Exit codes: 0 done; 1 refused or failed; 2 the command line is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/sys/unix"

	"github.com/palinsesto/palinsesto/services/internal/cli"
)

const (
	done    = 0
	failed  = 1
	misused = 2
)

const about = `Palinsesto: le segnalazioni di molti uffici, riviste dalla redazione, pubblicate su ogni rete al loro minuto.

Codici di uscita (exit codes): 0 fatto; 1 respinto o non riuscito; 2 riga di comando sbagliata.`

func main() {
	runtime.MemProfileRate = 0 // nobody reads a heap profile here, and its samples would take 1.5 MiB
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}

// run is the program; it returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) (code int) {
	var g grammar
	exited := -1 // by --help
	parser, err := kong.New(&g, kong.Name("palinsesto"), kong.Description(about), kong.UsageOnError(),
		kong.Writers(stdout, stderr), kong.Exit(func(c int) { exited = c }), kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}))
	if err != nil {
		fmt.Fprintln(stderr, err)
		return misused
	}
	k, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "palinsesto: %s\nVedere (see): palinsesto --help\n", inItalian(err))
		return misused
	}
	g.FromEnv(getenv)
	err = k.Run(&cli.Run{Ctx: ctx, Flags: &g.Flags, Term: cli.Terminal{Out: stdout, Err: stderr, Progress: isTerminal(stderr), Width: widthOf(stdout)}})
	switch {
	case err == nil:
		return done
	case errors.Is(err, cli.ErrSaid):
		return failed
	case cli.IsUsage(err):
		code = misused
	default:
		code = failed
	}
	fmt.Fprintln(stderr, "palinsesto:", err)
	return code
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// widthOf is how many characters a line of a terminal has; 0: w is none.
func widthOf(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}
