// SPDX-License-Identifier: AGPL-3.0-or-later

// Command torture proves the house's one promise by breaking everything around it: what was acknowledged
// is published, once, or stands before an operator.
//
// A world (world.go) is a house as its users run it, with a sandbox as a process of its own that counts
// what the public sees. People work in it from a seed (story.go, people.go), faults break it from the
// same seed (driver.go and the fault files), and at the end a judge (judge.go) compares what was promised
// with what was seen. Any difference is an error, and the exit code is 1.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

// options are the command line.
type options struct {
	minutes float64
	seed    uint64
	worlds  string
	only    string
	without string
	rate    float64
	bin     string
	nats    string
	root    string
	jsonTo  string
	keep    bool
}

func main() {
	if len(os.Args) > 3 && os.Args[1] == "network" { // the process that is the world outside
		exit(networkMain(os.Args[2:], channelsMost))
	}
	apartFromMachine()
	var o options
	flag.Float64Var(&o.minutes, "minutes", 10, "how long faults go on, all worlds together")
	flag.Uint64Var(&o.seed, "seed", 0, "of load and faults; 0: by the clock")
	flag.StringVar(&o.worlds, "world", "", "comma-separated worlds, each for its share of the time; empty: "+worldNames())
	flag.StringVar(&o.only, "only", "", "comma-separated faults; empty: all that the world knows of "+faultNames())
	flag.StringVar(&o.without, "without", "", "comma-separated faults to leave out")
	flag.Float64Var(&o.rate, "rate", 9, "segnalazioni a second while the house is well, in a cluster fewer; each has two posts on average")
	flag.StringVar(&o.bin, "bin", "bin/torture/palinsesto", "the program, built with the tag failpoints")
	flag.StringVar(&o.nats, "nats", "bin/torture/nats-server", "the NATS server")
	flag.StringVar(&o.root, "root", ".", "the repository, for deploy/nats.conf")
	flag.StringVar(&o.jsonTo, "json", "", "file for the result as JSON")
	flag.BoolVar(&o.keep, "keep", false, "keep the folder of the run also when all is well")
	flag.Parse()
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(torture(ctx, o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// torture plays every world for its share of the time and reports.
func torture(ctx context.Context, o options) error {
	worlds, err := chooseWorlds(o.worlds)
	if err != nil {
		return err
	}
	if err := checkFaults(o); err != nil {
		return err
	}
	fmt.Printf("seed %d, %.1f minutes, worlds: %s\n", o.seed, o.minutes, strings.Join(namesOf(worlds), ", "))
	all := result{Seed: o.seed, Minutes: o.minutes, Command: strings.Join(os.Args[1:], " ")}
	share := time.Duration(o.minutes * float64(time.Minute) / float64(len(worlds)))
	tried := map[string]bool{}
	for i, w := range worlds {
		res, err := play(ctx, o, w, o.seed+uint64(i)*1_000_003, share, tried)
		all.Worlds = append(all.Worlds, res)
		if err != nil {
			all.Broken = err.Error()
			break
		}
		if ctx.Err() != nil {
			break
		}
	}
	all.total()
	all.print(os.Stdout)
	if o.jsonTo != "" {
		raw, err := json.MarshalIndent(all, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.jsonTo, append(raw, '\n'), 0o600); err != nil {
			return err
		}
	}
	switch {
	case all.Broken != "":
		return fmt.Errorf("the torture itself broke off: %s", all.Broken)
	case all.Bad > 0:
		return fmt.Errorf("%d breaches of what was promised; again with: ./scripts/torture %s --seed %d", all.Bad, withoutSeed(os.Args[1:]), o.seed)
	default:
		return nil
	}
}

// withoutSeed is the command line to be given again.
func withoutSeed(args []string) string {
	var kept []string
	for i := 0; i < len(args); i++ {
		name := strings.TrimLeft(args[i], "-")
		switch {
		case name == "seed", name == "bin", name == "nats", name == "root":
			i++
		case strings.HasPrefix(name, "seed="):
		default:
			kept = append(kept, args[i])
		}
	}
	return strings.Join(kept, " ")
}
