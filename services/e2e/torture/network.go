// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/sandbox"
)

// The network is a process of its own: what the public saw must not depend on anything that is killed.
// hostName is the name by which one channel reaches the network.
const hostName = "rete.torture.test"

// networkMain is a process of its own: what the public saw must not depend on anything that is killed.
// It serves the sandbox at args[0]; its wall is written to the file args[1] before it answers.
func networkMain(args []string, channels int) error {
	box, err := harness.NewSandbox(sandbox.Options{File: args[1], MaxRequests: 1000, Hosts: []string{hostName}}, channels)
	if err != nil {
		return err
	}
	srv := &http.Server{Addr: args[0], Handler: box, ReadHeaderTimeout: 10 * time.Second}
	return srv.ListenAndServe()
}

// startNetwork runs the sandbox and waits until it answers.
func startNetwork(ctx context.Context, r *run) (*proc, string, error) {
	addr, err := r.freeAddr()
	if err != nil {
		return nil, "", err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	p := r.newProc("network", self, []string{"network", addr, r.wallFile()}, nil)
	if err := p.start(); err != nil {
		return nil, "", err
	}
	return p, addr, await(ctx, 20*time.Second, "the sandbox answers", func() bool {
		resp, err := http.Get("http://" + addr + "/faults") //nolint:noctx // an address of ours
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (r *run) wallFile() string { return filepath.Join(r.dir, "wall.jsonl") }
