// SPDX-License-Identifier: MIT
//
// The cases of the suite "sync". A channel is a buffered one; there is none without a limit, so that
// the unbounded cases have one with room for all values. A oneshot is a channel of capacity 1. A
// broadcast is a channel for each receiver, a watch a condition variable beside a value, a semaphore a
// channel with room for its permits.
package main

import (
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	senders = 5
	each    = 1000
	round   = senders * each
	large   = 1000000
)

func sendAll(channel chan<- int, n int) {
	for i := 0; i < n; i++ {
		channel <- i
	}
}

func receiveAll(channel <-chan int, n int) {
	for i := 0; i < n; i++ {
		<-channel
	}
}

func oneToOne(n, capacity int) {
	channel := make(chan int, capacity)
	go sendAll(channel, n)
	receiveAll(channel, n)
}

func contended(n, capacity int) {
	for i := max(n/round, 1); i > 0; i-- {
		channel := make(chan int, capacity)
		for k := 0; k < senders; k++ {
			go sendAll(channel, each)
		}
		receiveAll(channel, round)
	}
}

func alone(n, capacity int) {
	for i := max(n/round, 1); i > 0; i-- {
		channel := make(chan int, capacity)
		sendAll(channel, round)
		receiveAll(channel, round)
	}
}

func oneshot(n int) {
	for i := 0; i < n; i++ {
		channel := make(chan int, 1)
		channel <- 1
		<-channel
	}
}

func requestReply(n int) {
	requests := make(chan chan int, 10)
	go func() {
		for reply := range requests {
			reply <- 1
		}
	}()
	for i := 0; i < n; i++ {
		reply := make(chan int, 1)
		requests <- reply
		<-reply
	}
	close(requests)
}

// Sends in rounds, each after all receivers have told that they have the value of the last.
func rounds(n, count int, left *int32, done chan struct{}, send func(i int)) {
	for i := 0; i < max(n/count, 1); i++ {
		atomic.StoreInt32(left, int32(count))
		send(i)
		<-done
	}
}

func broadcast(n, count int) {
	var left int32
	var ended sync.WaitGroup
	done := make(chan struct{}, 1)
	channels := make([]chan int, count)
	ended.Add(count)
	for k := range channels {
		channels[k] = make(chan int, 1000)
		go func(channel <-chan int) {
			for range channel {
				if atomic.AddInt32(&left, -1) == 0 {
					done <- struct{}{}
				}
			}
			ended.Done()
		}(channels[k])
	}
	rounds(n, count, &left, done, func(i int) {
		for _, channel := range channels {
			channel <- i
		}
	})
	for _, channel := range channels {
		close(channel)
	}
	ended.Wait()
}

func watch(n, count int) {
	var left int32
	var ended sync.WaitGroup
	var lock sync.Mutex
	changed := sync.NewCond(&lock)
	version, closed := 0, false
	done := make(chan struct{}, 1)
	ended.Add(count)
	for k := 0; k < count; k++ {
		go func() {
			for seen := 0; ; {
				lock.Lock()
				for version == seen && !closed {
					changed.Wait()
				}
				stop := version == seen
				seen = version
				lock.Unlock()
				if stop {
					break
				}
				if atomic.AddInt32(&left, -1) == 0 {
					done <- struct{}{}
				}
			}
			ended.Done()
		}()
	}
	set := func(set func()) {
		lock.Lock()
		set()
		lock.Unlock()
		changed.Broadcast()
	}
	rounds(n, count, &left, done, func(i int) { set(func() { version = i + 1 }) })
	set(func() { closed = true })
	ended.Wait()
}

// Runs a function in six goroutines, which share n operations.
func six(n int, work func(n int)) {
	var ended sync.WaitGroup
	ended.Add(6)
	for i := 0; i < 6; i++ {
		go func() {
			work(n / 6)
			ended.Done()
		}()
	}
	ended.Wait()
}

func notifyOne(n int) {
	there, back := make(chan struct{}, 1), make(chan struct{}, 1)
	go func() {
		for i := 0; i < n/2; i++ {
			<-there
			back <- struct{}{}
		}
	}()
	for i := 0; i < n/2; i++ {
		there <- struct{}{}
		<-back
	}
}

var (
	mutex   sync.Mutex
	counter int
	rwlock  sync.RWMutex
)

func lockMutex(n int) {
	for i := 0; i < n; i++ {
		mutex.Lock()
		counter++
		mutex.Unlock()
	}
}

func lockToRead(n int) {
	for i := 0; i < n; i++ {
		rwlock.RLock()
		rwlock.RUnlock()
	}
}

// Six readers come while somebody writes.
func written(n int) {
	for i := 0; i < n/6; i++ {
		var ended sync.WaitGroup
		ended.Add(6)
		rwlock.Lock()
		for k := 0; k < 6; k++ {
			go func() {
				lockToRead(1)
				ended.Done()
			}()
		}
		runtime.Gosched()
		rwlock.Unlock()
		ended.Wait()
	}
}

func sendAndReceive[T any](n int) {
	var value T
	channel := make(chan T, 1000)
	for i := 0; i < n; i++ {
		channel <- value
		value = <-channel
	}
}

func permits(n, count int, keep func()) {
	semaphore := make(chan struct{}, count)
	six(n, func(n int) {
		for i := 0; i < n; i++ {
			semaphore <- struct{}{}
			keep()
			<-semaphore
		}
	})
}

func init() {
	for name, c := range map[string]benchCase{
		"mpsc_1_1000":          {1000000, 3, "ns", func(n int) { oneToOne(n, 1000) }},
		"mpsc_1_1":             {300000, 3, "ns", func(n int) { oneToOne(n, 1) }},
		"mpsc_5_bounded":       {500000, 3, "ns", func(n int) { contended(n, large) }},
		"mpsc_5_full":          {500000, 3, "ns", func(n int) { contended(n, 100) }},
		"mpsc_5_unbounded":     {500000, 3, "ns", func(n int) { contended(n, round) }},
		"mpsc_alone_bounded":   {500000, 3, "ns", func(n int) { alone(n, large) }},
		"mpsc_alone_unbounded": {500000, 3, "ns", func(n int) { alone(n, round) }},
		"mpsc_512":             {1000000, 3, "ns", sendAndReceive[[512]byte]},
		"mpsc_32k":             {100000, 3, "ns", sendAndReceive[[32768]byte]},
		"oneshot":              {1000000, 3, "ns", oneshot},
		"request_reply":        {200000, 3, "ns", requestReply},
		"broadcast_10":         {300000, 3, "ns", func(n int) { broadcast(n, 10) }},
		"broadcast_100":        {300000, 3, "ns", func(n int) { broadcast(n, 100) }},
		"broadcast_500":        {300000, 3, "ns", func(n int) { broadcast(n, 500) }},
		"broadcast_1000":       {300000, 3, "ns", func(n int) { broadcast(n, 1000) }},
		"watch_10":             {300000, 3, "ns", func(n int) { watch(n, 10) }},
		"watch_100":            {300000, 3, "ns", func(n int) { watch(n, 100) }},
		"watch_500":            {300000, 3, "ns", func(n int) { watch(n, 500) }},
		"watch_1000":           {300000, 3, "ns", func(n int) { watch(n, 1000) }},
		"notify_1":             {300000, 3, "ns", notifyOne},
		"notify_10":            {300000, 3, "ns", func(n int) { watch(n, 10) }},
		"notify_100":           {300000, 3, "ns", func(n int) { watch(n, 100) }},
		"notify_500":           {300000, 3, "ns", func(n int) { watch(n, 500) }},
		"mutex_alone":          {1000000, 3, "ns", lockMutex},
		"mutex_6":              {1000000, 3, "ns", func(n int) { six(n, lockMutex) }},
		"rwlock_alone":         {1000000, 3, "ns", lockToRead},
		"rwlock_6":             {1000000, 3, "ns", func(n int) { six(n, lockToRead) }},
		"rwlock_written":       {120000, 3, "ns", written},
		"semaphore_10":         {1000000, 3, "ns", func(n int) { permits(n, 10, func() {}) }},
		"semaphore_5":          {300000, 3, "ns", func(n int) { permits(n, 5, runtime.Gosched) }},
	} {
		cases[name] = c
	}
}
