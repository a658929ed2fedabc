// SPDX-License-Identifier: MIT
module bench-net-go

go 1.19
