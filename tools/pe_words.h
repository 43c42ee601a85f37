// The words of `gradus pe WORD`, one file each (tools/pe_*.cpp): argv[0] is the word.
#pragma once

namespace gradus {

int pe_eval(int argc, char** argv);

}  // namespace gradus
