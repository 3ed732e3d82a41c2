// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// settle gives back what only the start needed: freed heap, and the pages of the program's own file,
// two thirds of which an idle house never looks at again. Those that are needed come back from the page
// cache at their first use, by a minor fault.
func settle() error {
	debug.FreeOSMemory()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return err
	}
	defer f.Close()
	maps, err := cleanPages(bufio.NewScanner(f), self)
	for _, m := range maps {
		if _, _, no := unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED); no != 0 {
			err = no
		}
	}
	return err
}

type mapping struct{ from, to uintptr }

// cleanPages are the mappings of a file that can be read from it again: not writable, and with no page
// that was written to (a linker may relocate read-only data), which MADV_DONTNEED would lose. See
// proc_pid_smaps(5).
func cleanPages(lines *bufio.Scanner, file string) ([]mapping, error) {
	var all []mapping
	var m mapping
	ours := false
	for lines.Scan() {
		text := lines.Text()
		if key, value, ok := strings.Cut(text, ":"); ok && !strings.Contains(key, "-") {
			dirty := key == "Private_Dirty" || key == "Shared_Dirty" || key == "Anonymous"
			if ours && dirty && strings.TrimSpace(value) != "0 kB" {
				all, ours = all[:len(all)-1], false
			}
			continue
		}
		var access string
		if _, err := fmt.Sscanf(text, "%x-%x %s", &m.from, &m.to, &access); err != nil {
			return nil, fmt.Errorf("read the memory map: %w", err)
		}
		if ours = strings.HasSuffix(text, " "+file) && !strings.Contains(access, "w"); ours {
			all = append(all, m)
		}
	}
	return all, lines.Err()
}
