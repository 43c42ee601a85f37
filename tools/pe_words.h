// The words of `gradus pe WORD`, one file each (tools/pe_*.cpp): argv[0] is the word.
#pragma once

namespace gradus {

int pe_check(int argc, char** argv);
int pe_cost(int argc, char** argv);
int pe_eval(int argc, char** argv);
int pe_interaction(int argc, char** argv);
int pe_plot(int argc, char** argv);
int pe_toy(int argc, char** argv);

}  // namespace gradus
