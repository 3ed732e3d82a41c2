// SPDX-License-Identifier: AGPL-3.0-or-later

// Command palinsesto is the whole house: its rooms, the demo, the sandbox, and what operators need.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/palinsesto/palinsesto/services/internal/house"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var g grammar
	parser, err := kong.New(&g, kong.Name("palinsesto"), kong.BindTo(ctx, (*context.Context)(nil)), kong.Vars{"version": house.Version})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "palinsesto:", err)
		return 2
	}
	if err := k.Run(&g.Flags); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
