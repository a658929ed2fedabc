# SPDX-License-Identifier: MIT
# Completion of `tug` for fish.

complete -c tug -n __fish_use_subcommand -f -a cp -d 'Copy files and directories'
complete -c tug -n __fish_use_subcommand -f -l help -d 'Show help'
complete -c tug -n __fish_use_subcommand -f -l version -d 'Show the version'

set -l cp '__fish_seen_subcommand_from cp'
complete -c tug -n $cp -s f -l force -d 'Remove a destination that cannot be opened'
complete -c tug -n $cp -s H -d 'Follow links among the sources'
complete -c tug -n $cp -s j -l jobs -x -d 'Work on at most N things at a time'
complete -c tug -n $cp -s L -l dereference -d 'Follow all symbolic links'
complete -c tug -n $cp -s n -l no-clobber -d 'Do not overwrite an existing file'
complete -c tug -n $cp -s P -l no-dereference -d 'Copy symbolic links as such'
complete -c tug -n $cp -s r -s R -l recursive -d 'Copy directories recursively'
complete -c tug -n $cp -s t -l target-directory -x -a '(__fish_complete_directories)' -d 'Copy into a directory'
complete -c tug -n $cp -s T -l no-target-directory -d 'The destination is the name of the copy'
complete -c tug -n $cp -s v -l verbose -d 'Say what is being done'
complete -c tug -n $cp -l verify -d 'Read both sides back and compare them'
complete -c tug -n $cp -l help -d 'Show help'
complete -c tug -n $cp -l version -d 'Show the version'
