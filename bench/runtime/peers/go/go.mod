// SPDX-License-Identifier: MIT
module bench-go

go 1.19
