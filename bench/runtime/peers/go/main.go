// SPDX-License-Identifier: MIT
//
// The micro-benchmarks of the suites "runtime" and "sync", for Go: bench-go CASE FLAVOUR [N].
//
// Flavour `ct` is GOMAXPROCS=1, `mt` is GOMAXPROCS=2. Goroutines are joined with a WaitGroup, the
// cheapest way there is; a oneshot is a channel of capacity 1. There are no cases for blocking
// calls: any goroutine may block, so Go has no counterpart of a hop to a pool of threads.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type bench struct {
	flavour string
	n       int // operations per sample
	samples int
}

func (b bench) print(name string, value float64, unit string) {
	fmt.Printf("%s %s %.6f %s\n", name, b.flavour, value, unit)
}

// Runs work(n) once with a tenth of the operations, to warm up, then once per sample. The heap of
// the run before is collected outside of the measured time.
func (b bench) time(sample func(elapsed time.Duration), work func(n int)) {
	work(max(b.n/10, 1))
	for i := 0; i < b.samples; i++ {
		runtime.GC()
		start := time.Now()
		work(b.n)
		sample(time.Since(start))
	}
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// Spawns `batch` empty goroutines, then waits for them, until n have been joined.
func spawnJoin(n, batch int) {
	var group sync.WaitGroup
	for left := n; left > 0; {
		count := batch
		if count > left {
			count = left
		}
		group.Add(count)
		for i := 0; i < count; i++ {
			go group.Done()
		}
		group.Wait()
		left -= count
	}
}

// `tasks` goroutines share n yields.
func yields(n, tasks int) {
	var group sync.WaitGroup
	group.Add(tasks)
	for i := 0; i < tasks; i++ {
		go func() {
			for k := n / tasks; k > 0; k-- {
				runtime.Gosched()
			}
			group.Done()
		}()
	}
	group.Wait()
}

// Rounds of 1,000 pairs: one message there, one back, each over a channel of its own.
func pingPong(n int) {
	const pairs = 1000
	for round := max(n/pairs, 1); round > 0; round-- {
		var left int32 = pairs
		done := make(chan struct{}, 1)
		for i := 0; i < pairs; i++ {
			go func() {
				ping := make(chan struct{}, 1)
				pong := make(chan struct{}, 1)
				go func() {
					<-ping
					pong <- struct{}{}
				}()
				ping <- struct{}{}
				<-pong
				if atomic.AddInt32(&left, -1) == 0 {
					done <- struct{}{}
				}
			}()
		}
		<-done
	}
}

func link(left int, done chan struct{}) {
	if left == 0 {
		done <- struct{}{}
	} else {
		go link(left-1, done)
	}
}

// Rounds of a goroutine that starts a goroutine that starts ..., 1,000 deep.
func chainedSpawn(n int) {
	const depth = 1000
	for round := max(n/depth, 1); round > 0; round-- {
		done := make(chan struct{}, 1)
		go link(depth-1, done)
		<-done
	}
}

// n goroutines asleep at once, for 1 to 100 ms each.
func sleepers(n int) {
	var group sync.WaitGroup
	group.Add(n)
	for i := 0; i < n; i++ {
		go func(duration time.Duration) {
			time.Sleep(duration)
			group.Done()
		}(time.Duration(1+i%100) * time.Millisecond)
	}
	group.Wait()
}

// Resident bytes of this process, exact (statm is not).
func resident() float64 {
	file, err := os.Open("/proc/self/smaps_rollup")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); fields[0] == "Rss:" {
			kilobytes, _ := strconv.ParseFloat(fields[1], 64)
			return kilobytes * 1024
		}
	}
	panic("no Rss in smaps_rollup")
}

// Resident bytes per goroutine of n that wait, and what is left of them after the end.
func idle(b bench) {
	before := resident()
	var started, ended sync.WaitGroup
	started.Add(b.n)
	ended.Add(b.n)
	stop := make(chan struct{})
	for i := 0; i < b.n; i++ {
		go func() {
			started.Done()
			<-stop
			ended.Done()
		}()
	}
	started.Wait()
	during := resident()
	close(stop)
	ended.Wait()
	debug.FreeOSMemory()
	b.print("idle", (during-before)/float64(b.n), "bytes")
	b.print("idle_left", (resident()-before)/float64(b.n), "bytes")
}

type benchCase struct {
	n, samples int
	unit       string
	work       func(n int)
}

var cases = map[string]benchCase{
	"spawn_join_1":    {100000, 3, "ns", func(n int) { spawnJoin(n, 1) }},
	"spawn_join_1000": {300000, 3, "ns", func(n int) { spawnJoin(n, 1000) }},
	"spawn_join_all":  {1000000, 1, "ns", func(n int) { spawnJoin(n, n) }},
	"yield_1":         {200000, 3, "ns", func(n int) { yields(n, 1) }},
	"yield_1000":      {1000000, 3, "ns", func(n int) { yields(n, 1000) }},
	"ping_pong":       {100000, 3, "ns", pingPong},
	"chained_spawn":   {200000, 3, "ns", chainedSpawn},
	"sleepers":        {1000000, 1, "s", sleepers},
	"idle":            {100000, 1, "bytes", nil},
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println("Go", strings.TrimPrefix(runtime.Version(), "go"))
		return
	}
	if len(os.Args) < 3 || os.Args[2] != "ct" && os.Args[2] != "mt" {
		fmt.Fprintln(os.Stderr, "usage: bench-go CASE ct|mt [N]")
		os.Exit(2)
	}
	name, flavour := os.Args[1], os.Args[2]
	chosen, found := cases[name]
	if !found {
		fmt.Fprintln(os.Stderr, "bench-go: no such case:", name)
		os.Exit(2)
	}
	if flavour == "ct" {
		runtime.GOMAXPROCS(1)
	} else {
		runtime.GOMAXPROCS(2)
	}
	b := bench{flavour, chosen.n, chosen.samples}
	if len(os.Args) > 3 {
		n, err := strconv.Atoi(os.Args[3])
		if err != nil || n < 1 {
			fmt.Fprintln(os.Stderr, "bench-go: not a number of operations:", os.Args[3])
			os.Exit(2)
		}
		b.n = n
	}
	switch chosen.unit {
	case "ns":
		b.time(func(elapsed time.Duration) {
			b.print(name, float64(elapsed.Nanoseconds())/float64(b.n), "ns")
		}, chosen.work)
	case "s":
		b.time(func(elapsed time.Duration) { b.print(name, elapsed.Seconds(), "s") }, chosen.work)
	default:
		idle(b)
	}
}
