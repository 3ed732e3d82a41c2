// SPDX-License-Identifier: AGPL-3.0-or-later

package demo

import (
	"fmt"
	"os"
	"path/filepath"
)

// places are the files that a demo starts from.
type places struct {
	config  string
	samples string // segnalazioni.jsonl; empty: none
}

// find looks for the repository above the program and above the current folder.
func find(file string) (places, error) {
	p := places{config: file}
	for _, start := range starts() {
		for dir := start; ; dir = filepath.Dir(dir) {
			if p.config == "" {
				p.config = existing(filepath.Join(dir, "deploy", "marche.yaml"))
			}
			if p.samples == "" {
				p.samples = existing(filepath.Join(dir, "deploy", "demo", "segnalazioni.jsonl"))
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	if p.config == "" {
		return p, fmt.Errorf("la configurazione di prova deploy/marche.yaml non si trova né qui né accanto al programma: avviare dalla cartella del progetto, oppure darne una con --config (deploy/marche.yaml not found: start within the repository or use --config)")
	}
	return p, nil
}

func starts() []string {
	var all []string
	if dir, err := os.Getwd(); err == nil {
		all = append(all, dir)
	}
	if exe, err := os.Executable(); err == nil {
		all = append(all, filepath.Dir(exe))
	}
	return all
}

func existing(path string) string {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path
}
