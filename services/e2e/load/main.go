// SPDX-License-Identifier: AGPL-3.0-or-later

// Command load measures the house as its users run it: a process of its own, NATS embedded with every
// append flushed to disk, a sink in place of the network. Figures of one run are compared with a plain
// loop in the same run, since machines differ and are noisy.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
)

// measure is one thing that is measured; it prints its own lines.
type measure struct {
	name string
	what string
	run  func(ctx context.Context, b *bench) error
}

var measures = []measure{
	{"idle", "memory and processor of an empty house that waits", idle},
	{"ready", "start to ready: empty, and with finished posts in the log", ready},
	{"delay", "from due to the request's arrival, one post at a time", delay},
	{"burst", "many posts due at one moment on many channels, against a plain loop", burst},
}

// bench is what the measures share.
type bench struct {
	bin  string // the program
	dir  string // for data folders
	opts options
}

type options struct {
	posts, finished, channels, rate, seconds int
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "seed" { // the process that is killed after it filled a log
		exit(seedMain(os.Args[2:]))
	}
	var o options
	only := flag.String("only", "", "comma-separated measures; empty: all of idle, ready, delay, burst")
	bin := flag.String("bin", "bin/palinsesto", "the program to measure")
	flag.IntVar(&o.posts, "posts", 10_000, "posts of the burst")
	flag.IntVar(&o.channels, "channels", 100, "channels of the burst")
	flag.IntVar(&o.finished, "finished", 100_000, "finished posts in the log for ready")
	flag.IntVar(&o.rate, "rate", 50, "posts a second for delay")
	flag.IntVar(&o.seconds, "seconds", 60, "seconds of delay and of idle")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(runAll(ctx, &bench{bin: *bin, opts: o}, *only))
}

func runAll(ctx context.Context, b *bench, only string) error {
	fmt.Printf("%s, %d processors, every append flushed to disk\n", runtime.Version(), runtime.NumCPU())
	for _, m := range measures {
		if only != "" && !strings.Contains(","+only+",", ","+m.name+",") {
			continue
		}
		dir, err := os.MkdirTemp("", "palinsesto-bench-")
		if err != nil {
			return err
		}
		b.dir = dir
		fmt.Printf("\n%s: %s\n", m.name, m.what)
		err = m.run(ctx, b)
		_ = os.RemoveAll(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
