// SPDX-License-Identifier: MIT
//
// bench-net-go: an echo server with one goroutine per client, all of them on one processor. Prints
// its port and serves until it is killed.
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-net-go:", err)
		os.Exit(1)
	}
}

func serve(client net.Conn) {
	defer client.Close()
	buffer := make([]byte, 16384)
	for {
		length, err := client.Read(buffer)
		if err != nil {
			return
		}
		if _, err = client.Write(buffer[:length]); err != nil {
			return
		}
	}
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println(runtime.Version())
		return
	}
	runtime.GOMAXPROCS(1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		client, err := listener.Accept()
		check(err)
		go serve(client)
	}
}
